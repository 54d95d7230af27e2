// Encodes 160x120 I420 at 25 Hz from stdin as a browser would, in three temporal
// layers, to H.264 in the form of Annex B on stdout: cc layers.c -lopenh264
#include <stdio.h>
#include <string.h>

#include <wels/codec_api.h>

enum { width = 160, height = 120 };

int main(void) {
	ISVCEncoder *e;
	SEncParamExt p;
	if (WelsCreateSVCEncoder(&e)) return 1;
	(*e)->GetDefaultParams(e, &p);
	p.iUsageType = CAMERA_VIDEO_REAL_TIME;
	p.iPicWidth = width, p.iPicHeight = height, p.fMaxFrameRate = 25;
	p.iTargetBitrate = p.iMaxBitrate = 100000;
	p.iRCMode = RC_OFF_MODE;
	p.iTemporalLayerNum = 3;
	p.iMultipleThreadIdc = 1;
	p.uiIntraPeriod = 0;
	SSpatialLayerConfig *layer = &p.sSpatialLayers[0];
	layer->iVideoWidth = width, layer->iVideoHeight = height, layer->fFrameRate = 25;
	layer->iSpatialBitrate = layer->iMaxSpatialBitrate = 100000;
	layer->uiProfileIdc = PRO_BASELINE;
	layer->iDLayerQp = 42;
	if ((*e)->InitializeExt(e, &p)) return 1;

	static unsigned char yuv[width * height * 3 / 2];
	SSourcePicture picture = {.iColorFormat = videoFormatI420, .iPicWidth = width, .iPicHeight = height, .iStride = {width, width / 2, width / 2}, .pData = {yuv, yuv + width * height, yuv + width * height * 5 / 4}};
	for (; fread(yuv, sizeof yuv, 1, stdin) == 1; picture.uiTimeStamp += 40) {
		SFrameBSInfo info;
		memset(&info, 0, sizeof info);
		if ((*e)->EncodeFrame(e, &picture, &info)) return 1;
		for (int i = 0; i < info.iLayerNum; i++) {
			int size = 0;
			for (int n = 0; n < info.sLayerInfo[i].iNalCount; n++) size += info.sLayerInfo[i].pNalLengthInByte[n];
			fwrite(info.sLayerInfo[i].pBsBuf, size, 1, stdout);
		}
	}
	WelsDestroySVCEncoder(e);
	return 0;
}
